/// /proc.
enum ProcFileSystem {
    static func make() throws(Errno) -> Superblock {
        let superblock = Superblock(device: 20, magic: 0x9FA0, typeName: "proc")
        let layer = Layer(superblock, image: nil)
        superblock.root = LayerDirectory(layer, Ownership(permissions: 0o555, user: 0, group: 0))
        return superblock
    }
}
