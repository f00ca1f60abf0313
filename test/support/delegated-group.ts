// A control group that root makes and gives away to an ordinary user, as systemd does for `Delegate=yes`: in the second
// version of control groups or, on machines that have those, in each hierarchy of the first.
import assert from 'node:assert/strict'
import { chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needed } from '../../src/sandbox/jailer/cgroup.ts'
import { readHost } from '../../src/sandbox/jailer/host.ts'
import type { OrdinaryUser } from './ordinary-user.ts'

export type DelegatedGroup = {
  readonly version: string
  /** The same command, begun in the group. */
  command(words: readonly string[]): readonly string[]
  /** Throws while anything is in it or below it. */
  remove(): void
}

const wanted: readonly string[] = [...needed, 'cpuacct', 'freezer']

export const makeDelegatedGroup = (user: OrdinaryUser): DelegatedGroup => {
  const host = readHost()
  assert.ok(host.ok)
  const { kind, directories } = host.cgroups
  const parents = new Set([...directories].filter(([name]) => wanted.includes(name)).map(([, at]) => at))
  const groups = [...parents].map((parent) => join(parent, user.name))
  if (kind === 'v2')
    for (const parent of parents)
      writeFileSync(join(parent, 'cgroup.subtree_control'), needed.map((name) => `+${name}`).join(' '))
  for (const group of groups) {
    mkdirSync(group)
    for (const name of kind === 'v2'
      ? ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']
      : ['.'])
      chownSync(join(group, name), user.uid, user.uid)
  }
  const enter = groups.map((group) => `echo $$ >${join(group, 'cgroup.procs')}`).join('; ')
  return {
    version: kind,
    command: (words) => ['/bin/sh', '-ec', `${enter}; exec "$@"`, 'sh', ...words],
    remove: () => {
      for (const group of groups) rmdirSync(group)
    },
  }
}
