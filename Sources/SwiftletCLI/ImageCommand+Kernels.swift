import Images

/// The verbs for guest kernels.
extension ImageCommand {
    func buildKernel(_ reference: String, as name: String?, _ isForced: Bool) throws(ImageError) -> Int32 {
        let recipe = try Recipe.find(reference, .kernel, in: Self.recipeDirectory)
        let name = name ?? recipe.name
        let progress = ProgressLine()
        defer { progress.clear() }
        let outcome = try builder(progress).buildKernel(recipe, name: name, force: isForced)
        progress.clear()
        let (record, what) =
            switch outcome {
            case .built(let record): (record, "built")
            case .upToDate(let record): (record, "up to date")
            }
        return report(name, digest: record.kernel.digest, bytes: record.bytes, what)
    }

    func listKernels() throws(ImageError) -> Int32 {
        let kernels = KernelStore(store)
        var text = ""
        for name in try kernels.names() {
            let record = try kernels.record(named: name)
            text += Self.row(name, digest: record.kernel.digest, bytes: record.bytes, source: record.source)
        }
        return printed(text)
    }

    func removeKernels(_ names: [String]) throws(ImageError) -> Int32 {
        for name in names { try KernelStore(store).remove(name) }
        return 0
    }
}
