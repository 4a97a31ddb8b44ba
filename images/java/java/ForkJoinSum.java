import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RecursiveTask;
import java.util.stream.LongStream;

/** Sums the squares of 0..<n on four threads, splitting in halves, and says how many threads took part at least once. */
public class ForkJoinSum extends RecursiveTask<Long> {
    private static final int LEAF = 10_000;
    private final int from, to;

    ForkJoinSum(int from, int to) {
        this.from = from;
        this.to = to;
    }

    @Override
    protected Long compute() {
        if (to - from <= LEAF) return LongStream.range(from, to).map(n -> n * n % 1_000_003).sum();
        int middle = (from + to) >>> 1;
        ForkJoinSum left = new ForkJoinSum(from, middle);
        left.fork();
        long right = new ForkJoinSum(middle, to).compute();
        return left.join() + right;
    }

    public static void main(String[] arguments) throws Exception {
        ForkJoinPool pool = new ForkJoinPool(4);
        long sum = pool.invoke(new ForkJoinSum(0, 2_000_000));
        pool.shutdown();
        System.out.println("sum " + sum);
        byte[][] kept = new byte[64][];
        for (int i = 0; i < 20_000; i++) kept[i % kept.length] = new byte[10_000];   // 200 MB for the collector
        System.gc();
        try {
            Object nothing = arguments.length > 9 ? "" : null;
            System.out.println(nothing.hashCode());
        } catch (NullPointerException error) {
            System.out.println("caught " + error.getClass().getSimpleName());
        }
        try {
            recurse(0);
        } catch (StackOverflowError error) {
            System.out.println("caught " + error.getClass().getSimpleName());
        }
    }

    private static int recurse(int depth) {
        return recurse(depth + 1) + 1;
    }
}
