#!/bin/sh
# Unpacks a kernel that Debian or Ubuntu make for virtual machines into a folder, and prints where it is. Installs nothing.
set -eu
mkdir -p "$1"
cd "$1"
arch=$(dpkg --print-architecture)
find_package() {
  apt-cache depends "linux-image-cloud-$arch" linux-image-virtual 2>/dev/null |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1
}
package=$(find_package)
if [ -z "$package" ]; then
  apt-get update -qq >&2
  package=$(find_package)
fi
apt-get download -qq "$package" >&2
dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x ./boot
rm "$package"_*.deb
echo "$PWD/boot/vmlinuz-${package#linux-image-}"
