#!/bin/sh
# Hook of mmdebstrap: kernel.sh ROOT. Unpacks the kernel without installing it: its own initramfs would take longest.
set -eu
root=$1
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p')
mkdir "$root/boot/package"
cd "$root/boot/package"
apt-get -qq download "$package"
dpkg-deb --fsys-tarfile ./*.deb | tar -x -C "$root" ./boot ./lib/modules
cd /
rm -r "$root/boot/package"
depmod -b "$root" "$(ls "$root/lib/modules")"
