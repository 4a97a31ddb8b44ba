"""What the scripts here compare: the same program of the same image under swiftlet and under bubblewrap."""
import os, platform, subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
OUT = os.path.join(ROOT, "build/bench")


def unpacked(image):
    """A folder with the image's content, unpacked once for each digest."""
    store = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    record = open(os.path.join(store, "images", image)).read()
    digest = next(word for word in record.replace(":", " ").replace("=", " ").split()
                  if len(word) == 64 and all(c in "0123456789abcdef" for c in word))
    folder = os.path.join(OUT, "root-" + digest[:16])
    if not os.path.isdir(folder):
        os.makedirs(OUT, exist_ok=True)
        blob = os.path.join(store, "blobs", "sha256-%s.erofs" % digest)
        subprocess.run(["fsck.erofs", "--extract=" + folder + ".part", blob], check=True, stdout=subprocess.DEVNULL)
        os.rename(folder + ".part", folder)
    return folder


def bubblewrap(image, *command):
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", unpacked(image), "/", "--dev", "/dev",
            "--proc", "/proc", "--tmpfs", "/tmp", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", *command]


def swiftlet(image, *command):
    return [SWIFTLET, "run", "--image", image, "--", *command]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"
