extension ImageBuilder {
    public enum KernelOutcome: Sendable {
        case built(KernelRecord)
        /// The store has a kernel of this name made from the same recipe and inputs.
        case upToDate(KernelRecord)
    }

    /// Builds the guest kernel of `recipe` unless nothing that decides its content has changed. `force` builds it anyway.
    public func buildKernel(_ recipe: Recipe, name: String, force: Bool) throws(ImageError) -> KernelOutcome {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        try requireTools(recipe.needs)
        let kernels = KernelStore(store)
        try kernels.makeDirectories()
        let work = try WorkDirectory(in: store)
        defer { work.remove() }
        let steps = BuildSteps(builder: self, work: work.path, name: "kernel-\(name)")
        let inputs = try steps.capture("reading the inputs of \(recipe.name)", shell(recipe, "inputs"))
        let fingerprint = try recipe.fingerprint(inputs: inputs)
        if !force, let record = try? kernels.record(named: name), record.recipe == fingerprint,
            (try? kernels.open(name)) != nil
        {
            return .upToDate(record)
        }
        let tree = try work.makeDirectory("tree")
        try steps.run("building kernel \(name)", shell(recipe, "tree", tree))
        return .built(
            try kernels.add(
                filesOf: tree, name: name, source: "recipe \(recipe.path)", recipe: fingerprint))
    }
}
