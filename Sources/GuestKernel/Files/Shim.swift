// Until the process part lands its own (SignalSending.swift): delete this file then.

func sendSignal(_ signal: Int32, to thread: Thread) { sendSignal(signal, toProcess: thread.process) }

extension Thread {
    func replaceSignalMask(with mask: UInt64) throws(Errno) { throw .noSystemCall }
    func restoreSignalMask() {}
}
