import LinuxSystem
import SystemPackage

@testable import Images

/// An image file's first bytes, as `swiftlet run` checks them before it hands the file to a guest.
func fuzzSuperblock(_ input: [UInt8]) {
    guard let file = try? OwnedDescriptor.memoryFile(name: "image") else { preconditionFailure("no file") }
    try? file.borrowed.write(all: [UInt8](repeating: 0, count: 1024) + input)
    let size = UInt64(1024 + input.count)
    if let block = try? ErofsSuperblock(of: file.borrowed, path: "image", fileBytes: size) {
        precondition(block.imageBytes <= size, "an image longer than its file was accepted")
    }
}

/// A record file of the image store, and a name. A record that was read is written and read again.
func fuzzImageRecord(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    if ImageStore.isValid(name: text) {
        precondition(!text.contains("/") && text != "." && text != "..", "a name that leaves the store")
    }
    guard let record = ImageRecord(text: text) else { return }
    precondition(!record.digest.contains("/"), "a digest that leaves the store")
    guard let again = ImageRecord(text: record.text) else {
        preconditionFailure("\(record) is not read again")
    }
    precondition(again.digest == record.digest && again.bytes == record.bytes, "\(record) has changed")
}
