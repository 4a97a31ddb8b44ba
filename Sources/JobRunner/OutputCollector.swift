import Glibc
import LinuxSystem
import SystemPackage

/// Receives the job's output files into pending files beside their targets; they get their names only when the job's verdict
/// stands. Whatever is not published is gone.
struct OutputCollector: ~Copyable {
    private struct Item {
        /// Nil: not begun, failed or published.
        var delivery: OutputDelivery?
        var size: UInt64 = 0
        var isPublished = false
        var problem: String?
    }

    /// A job may have thousands of files, and jobs run side by side: so many of each keep their descriptor, and no name,
    /// until the verdict.
    private static let maximumOpenFiles = 16

    private let files: [JobRequest.OutputFile]
    private let places: [WrittenPlace]
    private var items: [Item]
    private var currentIndex = 0

    /// - Parameter places: What `places(of:)` found for these files.
    init(_ files: [JobRequest.OutputFile], at places: [WrittenPlace]) {
        self.files = files
        self.places = places
        items = files.map { _ in Item() }
    }

    /// Where the files go. Finds out before the job runs what would make a delivery fail after it.
    ///
    /// - Throws: a sentence in `LaunchError.output`.
    static func places(of files: [JobRequest.OutputFile]) throws(LaunchError) -> [WrittenPlace] {
        var places: [WrittenPlace] = []
        for file in files {
            do throws(WrittenPlace.Refusal) {
                places.append(try WrittenPlace(file.hostPath))
            } catch {
                throw .output(path: file.hostPath, error)
            }
        }
        return places
    }

    mutating func begin(index: Int, mode: UInt32, size: UInt64) {
        items[index].size = size
        currentIndex = index
        do throws(Errno) {
            items[index].delivery = try OutputDelivery(places[index], index: index, mode: mode)
        } catch {
            fail(index, "creating it: \(error)")
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        var failure: Errno?
        do throws(Errno) {
            try items[currentIndex].delivery?.write(bytes)  // after a failure the rest of the file is dropped
        } catch {
            failure = error
        }
        if let failure { fail(currentIndex, "writing it: \(failure)") }
    }

    mutating func end(index: Int) {
        var failure: Errno?
        do throws(Errno) {
            try items[index].delivery?.end(settingAside: index >= Self.maximumOpenFiles)
        } catch {
            failure = error
        }
        if let failure { fail(index, "ending it: \(failure)") }
    }

    mutating func missing(index: Int, errno: Int32) {
        items[index].problem = "\(Errno(rawValue: errno)) in the guest"
    }

    private mutating func fail(_ index: Int, _ problem: String) {
        items[index].problem = problem
        items[index].delivery = nil
    }

    /// Gives every complete file its name, and says what became of each.
    mutating func publish() -> [OutputFileResult] {
        for index in files.indices {
            guard let delivery = items[index].delivery else { continue }
            do throws(Errno) {
                try delivery.publish()
                items[index].delivery = nil
                items[index].isPublished = true
            } catch {
                fail(index, "naming it: \(error)")
            }
        }
        return results()
    }

    /// What became of each file if nothing is published.
    func results() -> [OutputFileResult] {
        zip(files, items).map { file, item in
            OutputFileResult(
                guestPath: file.guestPath, hostPath: file.hostPath, size: item.isPublished ? item.size : nil,
                problem: item.problem)
        }
    }
}
