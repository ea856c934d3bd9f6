# csvfs: clustered shared volumes for Linux. `make help` lists the targets.

VERSION := 0.1

# Not `uname -r`: the machine that builds may run another kernel than the one the module is for.
KVER ?= $(shell ls -d /lib/modules/6.12*-amd64/build 2>/dev/null | grep -v -e -cloud- -e -rt- | sort -V | tail -n 1 | cut -d/ -f4)
KVER_BUILD ?= /lib/modules/$(KVER)/build

PREFIX ?= /usr
DKMS_SRC := $(DESTDIR)/usr/src/csvfs-$(VERSION)

.PHONY: all modules userspace deps demo test check bench bench-cluster install dkms debug-kernel clean help

all: modules userspace

modules:
	@test -e $(KVER_BUILD) || { echo "no kernel headers in $(KVER_BUILD): run 'make deps', or set KVER" >&2; exit 1; }
	$(MAKE) -C $(KVER_BUILD) M=$(CURDIR) modules

userspace:
	$(MAKE) -C userspace

deps:
	tests/lab/deps.sh

demo: deps
	tests/demo/run

test: deps
	$(MAKE) all
	tests/checks/run pure
	tests/run

check:
	tests/checks/run

bench: deps
	$(MAKE) all
	tests/bench/run

bench-cluster: deps
	$(MAKE) all
	tests/bench/run --cluster

debug-kernel:
	tests/lab/build-kernel.sh

install:
	$(MAKE) -C $(KVER_BUILD) M=$(CURDIR) modules_install $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR))
	$(MAKE) -C userspace install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

dkms:
	rm -rf $(DKMS_SRC)
	install -d $(DKMS_SRC)
	cp -r Kbuild kernel $(DKMS_SRC)
	find $(DKMS_SRC) -type f ! -name '*.[ch]' ! -name Kbuild ! -name Makefile ! -name '*.include' -delete
	printf '%s\n' 'PACKAGE_NAME=csvfs' 'PACKAGE_VERSION=$(VERSION)' 'AUTOINSTALL=yes' \
		'MAKE="make -C $$kernel_source_dir M=$$dkms_tree/csvfs/$(VERSION)/build modules"' \
		'CLEAN="make -C $$kernel_source_dir M=$$dkms_tree/csvfs/$(VERSION)/build clean"' \
		'BUILT_MODULE_NAME[0]=csvfs' 'BUILT_MODULE_LOCATION[0]=kernel' 'DEST_MODULE_LOCATION[0]=/updates' \
		>$(DKMS_SRC)/dkms.conf
	@echo "now: dkms install csvfs/$(VERSION)"

clean:
	test ! -e $(KVER_BUILD) || $(MAKE) -C $(KVER_BUILD) M=$(CURDIR) clean
	$(MAKE) -C userspace clean

help:
	@echo 'make                  modules and userspace, as any user'
	@echo 'make modules          csvfs.ko for KVER=$(KVER) (or KVER_BUILD=directory)'
	@echo 'make userspace        csvctl'
	@echo 'make deps             install what building and testing needs (Debian 12 or 13, root)'
	@echo 'make demo             a cluster of three nodes in one virtual machine, from zero (root)'
	@echo 'make check            rules of the tree, static checks'
	@echo 'make test             all cases, on the stock and the debug kernel (root; see tests/README.md)'
	@echo 'make bench            benchmarks in virtual time;  make bench-cluster: on three machines'
	@echo 'make debug-kernel     build the debug kernel of the tests, outside the tree'
	@echo 'make install          modules and csvctl;  make dkms: the source for DKMS'
	@echo 'make clean'
