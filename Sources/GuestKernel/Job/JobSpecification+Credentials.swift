import JobWire

extension JobSpecification {
    /// Whose the job's programs are, in every respect.
    var credentials: Credentials {
        var credentials = Credentials()
        credentials.user = begin.user
        credentials.effectiveUser = begin.user
        credentials.savedUser = begin.user
        credentials.group = begin.group
        credentials.effectiveGroup = begin.group
        credentials.savedGroup = begin.group
        return credentials
    }
}
