import Boot

/// A kernel file's first page, with its size claimed by the first two bytes.
func fuzzKernelImage(_ input: [UInt8]) {
    guard input.count > 2 else { return }
    let size = UInt64(input[0]) << 16 | UInt64(input[1]) << 8
    let header = Array(input.dropFirst(2).prefix(KernelImage.headerBytes))
    if let image = try? KernelImage(parsing: header, fileBytes: size) {
        for segment in image.segments {
            precondition(
                segment.fileOffset + segment.fileBytes <= size, "a segment behind the end of the file")
        }
    }
}
