#!/bin/bash
# Bare guests by hand, on a libvirt that answers already: a network, and for each machine two disks, a first boot and a domain;
# over when ssh answers on all of them. Leaves `ssh_config` in the folder.
#   guests.sh FOLDER IMAGE KIND MEMORY GATEWAY NAME=ADDRESS…
set -euo pipefail
folder=$1 image=$2 kind=$3 memory=$4 gateway=$5
shift 5
[ "$kind" = kvm ] && cpu='<cpu mode="host-passthrough"/>' || cpu=''

ssh-keygen -q -t ed25519 -N '' -f "$folder/key"
cat >"$folder/ssh_config" <<END
User admin
IdentityFile $folder/key
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
ConnectTimeout 5
END
virsh --quiet net-create /dev/stdin <<END
<network>
  <name>hand</name><bridge name="hand0" stp="off"/><dns enable="no"/>
  <ip address="$gateway" prefix="24"/>
</network>
END

# One machine, until it can be logged in to.
guest() {
  local name=$1 address=$2 mac
  mac=$(printf '52:54:00:00:00:%02x' "${2##*.}")
  local here=$folder/$name
  mkdir "$here"
  printf 'Host %s\n  HostName %s\n' "$name" "$address" >"$here/ssh"
  cat >"$here/user-data" <<END
#cloud-config
hostname: $name
locale: "false"
users:
  - name: admin
    sudo: ALL=(ALL) NOPASSWD:ALL
    shell: /bin/bash
    ssh_authorized_keys: ["$(cat "$folder/key.pub")"]
END
  printf 'instance-id: %s\n' "$name" >"$here/meta-data"
  printf 'version: 2\nethernets: {machine: {match: {macaddress: "%s"}, addresses: [%s/24]}}\n' "$mac" "$address" \
    >"$here/network-config"
  genisoimage -quiet -output "$here/seed.iso" -volid cidata -joliet -rock \
    "$here/user-data" "$here/meta-data" "$here/network-config"
  qemu-img create -q -f qcow2 -b "$image" -F qcow2 "$here/root.qcow2" 8G
  qemu-img create -q -f qcow2 "$here/data.qcow2" 10G
  virsh --quiet create /dev/stdin <<END
<domain type="$kind">
  <name>hand-$name</name><memory unit="MiB">$memory</memory><vcpu>1</vcpu>
  <os><type machine="pc">hvm</type></os><features><acpi/><apic/></features>$cpu
  <devices>
    <disk type="file" device="disk"><driver name="qemu" type="qcow2"/>
      <source file="$here/root.qcow2"/><target dev="vda" bus="virtio"/></disk>
    <disk type="file" device="disk"><driver name="qemu" type="qcow2"/>
      <source file="$here/data.qcow2"/><target dev="vdb" bus="virtio"/></disk>
    <disk type="file" device="cdrom"><driver name="qemu" type="raw"/>
      <source file="$here/seed.iso"/><target dev="hda" bus="ide"/><readonly/></disk>
    <interface type="network"><source network="hand"/><mac address="$mac"/><model type="virtio"/></interface>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
    <serial type="pty"/><console type="pty"/>
  </devices>
</domain>
END
  until ssh -F "$folder/ssh_config" -o HostName="$address" "$name" true 2>/dev/null; do sleep 0.2; done
}

running=()
for machine; do
  guest "${machine%%=*}" "${machine#*=}" &
  running+=($!)
done
for one in "${running[@]}"; do
  wait "$one"
done
cat "$folder"/*/ssh >>"$folder/ssh_config"
