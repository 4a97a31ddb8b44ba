// VirtioDevices
