public import LinuxSystem
public import SystemPackage

extension DeviceLoop {
    /// Watches a descriptor that belongs to no device, for whoever assembles the machine. On the loop's thread, or before
    /// `run()`; for the life of the loop.
    public func watch(
        _ descriptor: FileDescriptor, _ events: EpollEvents, handler: any DescriptorHandler, token: Int
    ) throws(Errno) {
        _ = try register(descriptor, events, .handler(handler, token: token))
    }
}
