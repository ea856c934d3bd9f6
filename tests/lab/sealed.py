"""The image of a sealed guest: an initramfs with every file that it will open, so that nothing reaches it from outside.

Under -icount such a guest executes the same instructions each time it is started: what it measures by its own clock does
not depend on the host at all. A guest on a 9p root does: when the host answers decides what the guest does meanwhile.
"""
import glob
import os
import shlex
import shutil
import stat
import subprocess

import images
from images import LabError

# All programs of these packages, and the libraries of those.
PACKAGES = ["bash", "coreutils", "dmsetup", "findutils", "fio", "grep", "hostname", "iproute2", "kmod", "mount", "nbd-client",
            "nbd-server", "nfs-common", "nfs-kernel-server", "nvme-cli", "procps", "sed", "util-linux", "xfsprogs"]
FILES = ["/etc/exports", "/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/netconfig", "/etc/nsswitch.conf", "/etc/passwd",
         "/etc/protocols", "/etc/rpc", "/etc/services"]
# Links to folders of /usr; a package need not name its files by them.
LINKS = ["/bin", "/lib", "/lib64", "/sbin"]
# By glibc, when a thread is cancelled; by kmod.
DLOPENED = ["libgcc_s.so.1", "liblzma.so.5", "libzstd.so.1"]
# With what they need; crypto whole, as the kernel asks for it by the names of algorithms.
MODULES = ["brd", "bridge", "configfs", "dm_mod", "nbd", "nfsd", "nfsv4", "nvme_tcp", "nvmet_tcp", "veth", "xfs"]
CRYPTO = ["arch/x86/crypto", "crypto", "lib/crypto"]


def programs(packages):
    """What the packages bring to directories of programs, links as well."""
    done = subprocess.run(["dpkg-query", "-L", *packages], stdout=subprocess.PIPE, text=True)
    if done.returncode:  # it has said which
        raise LabError("packages are missing: run 'make deps', or install them")
    kept = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/")
    return [path for path in done.stdout.splitlines() if path.startswith(kept) and os.path.isfile(path)]


def existing(paths):
    return filter(os.path.exists, paths)


def libraries(paths):
    """What the dynamic linker says that these need; it does not mind scripts and static programs."""
    done = subprocess.run(["ldd", *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = {word for line in done.stdout.splitlines() for word in line.split() if word[0] == "/" and word[-1] != ":"}
    folder = next(os.path.dirname(path) for path in found if path.endswith("/libc.so.6"))
    return [*found, *existing(f"{folder}/{name}" for name in DLOPENED)]


def modules(release, csvfs):
    if not os.path.exists(csvfs):
        raise LabError("csvfs.ko is not built: run 'make'")
    base = f"/lib/modules/{release}"
    paths = glob.glob(f"{base}/modules.*")
    for name in CRYPTO:
        paths += glob.glob(f"{base}/kernel/{name}/**/*.ko*", recursive=True)
    needs = subprocess.run(["modinfo", "-F", "depends", csvfs], stdout=subprocess.PIPE, text=True, check=True)
    return paths + images.module_paths(release, MODULES + needs.stdout.replace(",", " ").split())


def with_parents(paths):
    """The same by their real directories, with these and with what links lead there; parents first."""
    wanted, todo = set(), list(paths)
    while todo:
        path = todo.pop()
        if path in wanted or path == "/":
            continue
        parent = os.path.dirname(path)
        todo.append(parent)
        real = os.path.join(os.path.realpath(parent), os.path.basename(path))
        if real != path:  # one of the parents is a link
            todo.append(real)
            continue
        wanted.add(path)
        if os.path.islink(path):
            todo.append(os.path.normpath(os.path.join(parent, os.readlink(path))))
    return sorted(wanted)


def entry(out, number, name, path):
    """A file, link or directory into the archive, format "newc": see Documentation/driver-api/early-userspace/buffer-format.rst.

    Without times, owners and numbers of the host: the same files make the same image, and so the same run."""
    mode = os.lstat(path).st_mode
    data = b""
    if stat.S_ISLNK(mode):
        data = os.fsencode(os.readlink(path))
    elif stat.S_ISREG(mode):
        with open(path, "rb") as file:
            data = file.read()
    raw = os.fsencode(name) + b"\0"
    head = b"070701" + b"".join(b"%08X" % field for field in (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0))
    for part in (head + raw, data):
        out.write(part + bytes(-len(part) % 4))


def initramfs(directory, kernel, argv, more_packages):
    """Make it below directory: the host's files, and in lab/ what other guests have from the share, and the command."""
    image, share, command = f"{directory}/initramfs.cpio", f"{directory}/lab", f"{directory}/command"
    shutil.rmtree(share, ignore_errors=True)  # what is not built any more is not run
    os.makedirs(share)
    images.fill_share(share, kernel.flavour)
    with open(command, "w") as file:
        file.write(shlex.join(argv) + "\n")
    files = programs([*PACKAGES, *more_packages]) + ["/usr/bin/awk"]  # which of them is the administrator's choice
    files += [*libraries([*files, f"{share}/csvfs/csvctl"]), *existing(FILES), *LINKS]
    files += modules(kernel.release, f"{share}/csvfs/kernel/csvfs.ko")
    entries = [(path[1:], path) for path in with_parents(files)]
    entries += [("init", f"{images.HERE}/guest/sealed-init"), ("lab", share), ("lab/command", command)]
    entries += sorted((os.path.relpath(path, directory), path) for place, folders, names in os.walk(share)
                      for path in (os.path.join(place, name) for name in folders + names))
    with open(image, "wb") as out:
        for number, (name, path) in enumerate(entries, 1):
            entry(out, number, name, path)
        entry(out, 0, "TRAILER!!!", os.devnull)
    return image
