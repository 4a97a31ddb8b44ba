public class Hello {
    public static void main(String[] arguments) {
        System.out.println("hello from java " + System.getProperty("java.specification.version"));
    }
}
