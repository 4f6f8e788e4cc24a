#!/bin/sh
# Turns a minimal Debian into a rig: customise.sh ROOT. ROOT/opt/hilrig/site has hilrig's dependencies.
set -eu
root=$1
recipe=$(dirname "$0")
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
rm -f "$root"/etc/ssh/ssh_host_*  # a rig gets its own when it is made
chroot "$root" useradd --create-home --shell /bin/sh --password '*' hilrig  # no password opens it
install -m 644 "$recipe/sshd.conf" "$root/etc/ssh/sshd_config.d/rig.conf"
install -m 755 "$recipe/rig-init" "$root/sbin/rig-init"
echo /opt/hilrig/site >"$root/usr/lib/python3/dist-packages/hilrig.pth"
# Compiled here, where the CPU is real: under emulation the first import of everything takes minutes.
chroot "$root" python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/hilrig/site
chroot "$root" su hilrig -c 'python3 -c "import matplotlib.font_manager"'  # its list of fonts takes long, too
