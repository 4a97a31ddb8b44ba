import Testing

@testable import JobRunner

@Suite struct ControlGroupTests {
    @Test("the memory controller's line decides, wherever it is and whatever it shares its hierarchy with")
    func firstVersion() throws {
        let hybrid = try #require(
            ControlGroups.memoryGroup(in: "9:name=systemd:/a\n4:cpu,memory:/b:c/d\n0::/e\n"))
        #expect(hybrid.0 == .v1)
        #expect(hybrid.path == "/b:c/d")
    }

    @Test("where no line has the memory controller, version 2 has it or nobody")
    func secondVersion() throws {
        let unified = try #require(ControlGroups.memoryGroup(in: "0::/user.slice/x.scope\n"))
        #expect(unified.0 == .v2)
        #expect(unified.path == "/user.slice/x.scope")
        #expect(ControlGroups.memoryGroup(in: "3:name=memory:/a\n") == nil)
        #expect(ControlGroups.memoryGroup(in: "0:memory\n0::relative\n\n::\n") == nil)
        #expect(ControlGroups.memoryGroup(in: "") == nil)
    }

    @Test("the limit is above the guest's memory, and no size overflows it")
    func memoryLimit() {
        #expect(ControlGroups.memoryLimit(256 << 20) == 304 << 20)
        #expect(ControlGroups.memoryLimit(.max) == .max)
    }
}
