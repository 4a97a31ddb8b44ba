import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite struct NumberTests {
        @Test("after the last process number come those that are free, not those in use")
        func afterTheLast() throws {
            FakeMachine.start()
            let before = Processes.newID()
            Processes.giveOutNumbers(to: Processes.lastNumber - 1)
            let last = try TestProgram()
            #expect(last.process.id == Processes.lastNumber)
            let again = try TestProgram()
            #expect(again.process.id == Processes.firstAgain)
            Processes.giveOutNumbers(to: Processes.firstAgain - 1)
            #expect(Processes.newID() == Processes.firstAgain + 1)
            Processes.giveOutNumbers(to: before)
        }
    }
}
