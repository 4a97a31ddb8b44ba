import Testing

/// The kernel is one thread with globals, so its suites run one after another: extend this type with yours.
@Suite(.serialized) struct KernelSuite {}
