// A throw-away Debian of its own in QEMU: systemd, Debian's kernel, control groups of the second version, no network.
// Emulated (/dev/kvm cannot be trusted to work), so everything in it takes some ten times as long. Needs root.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDebianRoot } from './debian-root.ts'

export type Machine = {
  /** The tree that becomes its disk: what a test puts here before `boot` is there. */
  readonly root: string
  /** Runs the script as root once it is up, then powers off. Rejects when that takes longer. */
  readonly boot: (script: string, deadlineMs: number) => Promise<string>
}

const diskSize = '2G'
/** Each after those that it needs. */
const modules = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_blk',
]

export const makeMachine = (directory: string, packages: readonly string[]): Machine => {
  const root = join(directory, 'root')
  makeDebianRoot(root, ['systemd-sysv', 'kmod', 'libstdc++6', ...packages])
  const kernel = unpackKernel(directory)
  cpSync(join(kernel, 'lib/modules'), join(root, 'usr/lib/modules'), { recursive: true })
  execFileSync('chroot', [root, 'depmod', versionOf(kernel)])
  return {
    root,
    boot: (script, deadlineMs) => {
      writeService(root, script)
      const disk = join(directory, 'disk.img')
      execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, disk, diskSize], { stdio: 'ignore' })
      return run({ directory, kernel, disk, initrd: makeInitrd(directory, kernel) }, deadlineMs)
    },
  }
}

const unpackKernel = (directory: string): string => {
  const depends = execFileSync('apt-cache', ['depends', '--important', 'linux-image-cloud-amd64'], {
    encoding: 'utf8',
  })
  const name = /(linux-image-\S+-cloud-amd64)/.exec(depends.split('\n').slice(1).join('\n'))?.[1]
  assert.ok(name, 'Debian has no kernel for virtual machines')
  execFileSync('apt-get', ['download', '-q', name], { cwd: directory, stdio: 'ignore', timeout: 120_000 })
  const kernel = join(directory, 'kernel')
  execFileSync('sh', ['-c', `dpkg-deb -x ${name}_*.deb kernel`], { cwd: directory })
  return kernel
}

const versionOf = (kernel: string): string =>
  execFileSync('ls', [join(kernel, 'lib/modules')], { encoding: 'utf8' }).trim()

/** What runs before the disk is there: the modules that make it appear. */
const makeInitrd = (directory: string, kernel: string): string => {
  const tree = join(directory, 'initrd')
  for (const name of ['bin', 'modules', 'new', 'dev']) mkdirSync(join(tree, name), { recursive: true })
  cpSync('/bin/busybox', join(tree, 'bin/busybox'))
  for (const name of modules) {
    const found = execFileSync('find', [join(kernel, 'lib/modules'), '-name', `${name}.ko`], {
      encoding: 'utf8',
    })
    cpSync(found.trim(), join(tree, 'modules', `${name}.ko`))
  }
  const lines = [
    '#!/bin/busybox sh',
    'b=/bin/busybox',
    '$b mount -t devtmpfs dev /dev',
    ...modules.map((name) => `$b insmod /modules/${name}.ko`),
    'n=0; while [ ! -e /dev/vda ] && [ $n -lt 100 ]; do $b sleep 0.1; n=$((n + 1)); done',
    '$b mount -t ext4 /dev/vda /new && exec $b switch_root /new /sbin/init',
  ]
  writeFileSync(join(tree, 'init'), `${lines.join('\n')}\n`)
  chmodSync(join(tree, 'init'), 0o755)
  const archive = join(directory, 'initrd.cpio')
  execFileSync('sh', ['-c', 'find . | cpio -o -H newc --quiet > "$1"', 'sh', archive], { cwd: tree })
  return archive
}

/** A unit like any other, so that the script starts where a service of the operator's would. */
const writeService = (root: string, script: string): void => {
  writeFileSync(join(root, 'srv/script.sh'), `${script}\n`)
  const unit = [
    '[Unit]',
    'After=multi-user.target',
    '[Service]',
    'Type=oneshot',
    'ExecStart=/bin/bash /srv/script.sh',
    'ExecStopPost=/bin/systemctl poweroff --force --force',
    'StandardOutput=tty',
    'StandardError=tty',
    'TTYPath=/dev/ttyS0',
  ]
  const units = join(root, 'etc/systemd/system')
  writeFileSync(join(units, 'script.service'), `${unit.join('\n')}\n`)
  mkdirSync(join(units, 'multi-user.target.wants'), { recursive: true })
  symlinkSync('../script.service', join(units, 'multi-user.target.wants/script.service'))
  // The console belongs to the script.
  for (const name of ['getty@.service', 'serial-getty@.service']) symlinkSync('/dev/null', join(units, name))
}

type Parts = {
  readonly directory: string
  readonly kernel: string
  readonly disk: string
  readonly initrd: string
}

const run = ({ kernel, disk, initrd }: Parts, deadlineMs: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const image = join(kernel, 'boot', `vmlinuz-${versionOf(kernel)}`)
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', '2', '-m', '3G', '-nographic', '-no-reboot'],
        ...['-kernel', image, '-initrd', initrd, '-net', 'none'],
        ...['-append', 'console=ttyS0 quiet panic=1 systemd.show_status=0'],
        ...['-drive', `file=${disk},if=virtio,format=raw,cache=unsafe`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const chunks: string[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => chunks.push(String(chunk)))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the machine was not done after ${deadlineMs} ms:\n${chunks.join('').slice(-4000)}`))
    }, deadlineMs)
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      resolve(chunks.join(''))
    })
  })
