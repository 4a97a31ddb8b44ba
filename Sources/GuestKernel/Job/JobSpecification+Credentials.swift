import JobWire

extension JobSpecification {
    /// Whose the job's programs are, in every respect.
    var credentials: Credentials { Credentials(user: begin.user, group: begin.group) }
}
