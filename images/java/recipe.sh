# description: Debian 12 with OpenJDK 17 (headless) and, in /opt/java, the classes of java/*.java
# needs: mmdebstrap=mmdebstrap

. "$1/debian.sh"
packages="openjdk-17-jre-headless bash coreutils"
sources=$1/java

inputs() { debian_inputs; }

tree() {
    # javac is a module of the run-time image; only its command comes with another package. The class-data archive, which a
    # package's script makes on an ordinary system, halves the start.
    debian_tree "$1" --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
        --customize-hook="mkdir -p \"\$1/opt/java\" && cp $sources/*.java \"\$1/opt/java\"" \
        --customize-hook='chroot "$1" sh -c "cd /opt/java && java -m jdk.compiler/com.sun.tools.javac.Main *.java && rm *.java"' \
        --customize-hook='chroot "$1" java -Xshare:dump'
}
