"""What a lab guest boots from: kernel, initramfs, agent. Everything is cached outside the tree."""
import glob
import hashlib
import os
import shutil
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("CSVFS_CACHE", "/var/cache/csvfs")
DECOMPRESS = {b"\x28\xb5\x2f\xfd": ["zstd", "-dcq"], b"\xfd7zX": ["xz", "-dc"], b"\x1f\x8b\x08": ["gzip", "-dcq"]}
LEFT_BY_TESTS = ("build", "results")  # folders
# The rest of what a node needs is loaded from the host's /lib/modules once the root is there.
BOOT_MODULES = ["9pnet_virtio", "9p", "overlay", "virtio_blk", "virtio_net", "virtio_rng"]


class LabError(Exception):
    """A message for the user; the exit status is 2."""


class Kernel:
    """release: as uname -r says; vmlinux: what QEMU starts; modules: directory to insert modules from, or None."""

    def __init__(self, flavour):
        self.flavour = flavour
        self.modules = None
        if flavour == "stock":
            self.release = stock_release()
            self.dir = f"{CACHE}/stock-{self.release}"
            self.vmlinux = extract_vmlinux(self.release, self.dir)
            self.boot_modules = module_paths(self.release, BOOT_MODULES)
        else:
            done = subprocess.run([f"{HERE}/build-kernel.sh"], stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise LabError("the debug kernel did not build")
            self.dir = done.stdout.strip()
            with open(f"{self.dir}/release") as file:
                self.release = file.read().strip()
            self.vmlinux = f"{self.dir}/vmlinux"
            self.boot_modules = []
            self.modules = f"{self.dir}/modules/lib/modules/{self.release}"


def stock_release():
    """The newest packaged 6.12 that has modules. Not `uname -r`: the lab's host may run anything."""
    found = [name for name in map(os.path.basename, glob.glob("/lib/modules/6.12*-amd64"))
             if os.path.exists("/boot/vmlinuz-" + name) and "-cloud-" not in name and "-rt-" not in name]
    if not found:
        raise LabError("no packaged 6.12 kernel: run 'make deps'")
    return sorted(found, key=lambda name: [int(n) for n in name.split("+")[0].split("-")[0].split(".")])[-1]


def extract_vmlinux(release, directory):
    """The ELF image inside a bzImage. Started as PVH it spares the emulated CPU the decompression (about 1.5 s)."""
    image = f"/boot/vmlinuz-{release}"
    vmlinux = f"{directory}/vmlinux"
    if os.path.exists(vmlinux) and os.path.getmtime(vmlinux) > os.path.getmtime(image):
        return vmlinux
    os.makedirs(directory, exist_ok=True)
    with open(image, "rb") as file:
        data = file.read()
    # Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, payload_offset and payload_length at 0x248
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    payload = data[start:start + length]
    for magic, command in DECOMPRESS.items():
        if payload.startswith(magic):
            if magic != b"\x1f\x8b\x08":
                payload = payload[:-4]  # the uncompressed size, which only gzip has in its own format
            with open(f"{vmlinux}.{os.getpid()}", "wb") as file:
                subprocess.run(command, input=payload, stdout=file, check=True)
            os.rename(f"{vmlinux}.{os.getpid()}", vmlinux)
            return vmlinux
    raise LabError(f"{image}: unknown compression")


def module_paths(release, names):
    """Of these modules and what they need, in the order of loading."""
    paths = []
    for name in names:
        done = subprocess.run(["modprobe", "-S", release, "--show-depends", name],
                              stdout=subprocess.PIPE, text=True, check=True)
        for line in done.stdout.splitlines():
            kind, _, path = line.partition(" ")
            path = path.split()[0]
            if kind == "insmod" and path not in paths:
                paths.append(path)
    return paths


def initramfs(kernel):
    """busybox, the boot modules and the init script; made again when any of them changed."""
    inputs = ["/bin/busybox", f"{HERE}/guest/initramfs-init", *kernel.boot_modules]
    text = "".join(f"{path} {os.path.getmtime(path)}\n" for path in inputs)
    image = f"{CACHE}/initramfs-{hashlib.sha256(text.encode()).hexdigest()[:12]}.cpio"
    if os.path.exists(image):
        return image
    root = f"{image}.{os.getpid()}"
    for directory in ("bin", "dev", "proc", "sys", "modules"):
        os.makedirs(f"{root}/{directory}")
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    for applet in ("sh", "mount", "insmod", "mkdir", "chmod", "switch_root", "poweroff"):
        os.symlink("busybox", f"{root}/bin/{applet}")
    shutil.copy(f"{HERE}/guest/initramfs-init", f"{root}/init")
    with open(f"{root}/modules/order", "w") as order:
        for path in kernel.boot_modules:
            name = os.path.basename(path).split(".ko")[0] + ".ko"
            order.write(name + "\n")
            with open(path, "rb") as file:
                data = file.read()
            for magic, command in DECOMPRESS.items():
                if data.startswith(magic):
                    data = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
            with open(f"{root}/modules/{name}", "wb") as file:
                file.write(data)
    subprocess.run(f"find . | cpio -o -H newc --quiet > {root}.cpio", shell=True, cwd=root, check=True)
    os.rename(f"{root}.cpio", image)
    shutil.rmtree(root)
    return image


def build_guest(name, share):
    """A program of the guest itself, out of guest/. By rename: a running guest may have the old file mapped."""
    target = f"{share}/{name}"
    subprocess.run(["gcc", "-O2", "-Wall", "-static", "-o", f"{target}.new", f"{HERE}/guest/{name}.c"], check=True)
    os.rename(f"{target}.new", target)


def build_tools(target):
    """Programs of the cases, into the share and not into the tree; make keeps what is up to date."""
    subprocess.run(["make", "-s", "-C", f"{TREE}/tests/tools", f"O={target}"], check=True)


def module_dir(kernel):
    """Where the csvfs modules for this kernel are built."""
    if kernel == "stock":
        return TREE
    done = subprocess.run([f"{HERE}/build-modules.sh", "--dir"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def fill_share(share, kernel):
    """Copy what the guests use: agent and ns-exec, guest scripts, and csvfs/{kernel/*.ko,csvctl,csv_*,tests}."""
    replace_tree(f"{HERE}/guest", f"{share}/guest")
    for name in ("agent", "ns-exec"):
        build_guest(name, share)
    replace_tree(f"{TREE}/tests", f"{share}/csvfs/tests")
    build_tools(f"{share}/csvfs")
    os.makedirs(f"{share}/csvfs/kernel", exist_ok=True)
    for path in glob.glob(f"{module_dir(kernel)}/**/*.ko", recursive=True):
        copy_new(path, f"{share}/csvfs/kernel/{os.path.basename(path)}")
    csvctl = f"{TREE}/userspace/csvctl"
    if os.path.isfile(csvctl):
        copy_new(csvctl, f"{share}/csvfs/csvctl")


def copy_new(source, target):
    """By rename: a running guest may have the old file mapped."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target + ".new")
    os.rename(target + ".new", target)


def replace_tree(source, target):
    wanted = set()
    for directory, names, files in os.walk(source):
        names[:] = [name for name in names if not name.startswith((".", "__")) and name not in LEFT_BY_TESTS]
        for name in files:
            path = os.path.relpath(os.path.join(directory, name), source)
            wanted.add(path)
            copy_new(f"{source}/{path}", f"{target}/{path}")
    for directory, _, files in os.walk(target):
        for name in files:
            path = os.path.relpath(os.path.join(directory, name), target)
            if path not in wanted:
                os.unlink(f"{target}/{path}")
