// Job groups (config-dialects.md §2.11): an invocation of one becomes its jobs, between an entry that waits for what
// the group requires and an exit that stands for the whole group wherever that is required.

import { outcomes } from '../../../protocol/plan.ts'
import { entryOf, type MapNode } from '../../source/node.ts'
import { readList, readMap } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { readLock } from './lock.ts'
import { type Member, readMembers } from './matrix.ts'
import { type Need, passed, resolveRequires } from './requires.ts'

export type Graph = {
  readonly members: readonly Member[]
  /** By the member's name. */
  readonly needs: ReadonlyMap<string, readonly Need[]>
}

export const groupOptionKeys = new Set(['name', 'requires', 'filters', 'serial-group'])

export const expandGroups = (cx: Compiling, { members, needs }: Graph): Graph => {
  const groups = new Map<string, Graph>()
  for (const member of members) {
    const group = isGroup(cx, member) ? expandGroup(cx, member, needs.get(member.name) ?? []) : null
    if (group) groups.set(member.name, group)
  }
  if (groups.size === 0) return { members, needs }
  const outer = members.filter(({ name }) => !groups.has(name))
  // Whoever requires a group waits for its exit.
  const rewired = (list: readonly Need[]): readonly Need[] =>
    list.map((need) => (groups.has(need.job) ? { ...need, job: exitOf(need.job) } : need))
  const ofGroups = [...groups.values()].flatMap((group) => [...group.needs])
  return {
    members: members.flatMap((member) => groups.get(member.name)?.members ?? [member]),
    needs: new Map(
      [...outer.map(({ name }) => [name, needs.get(name) ?? []] as const), ...ofGroups].map(
        ([name, list]) => [name, rewired(list)],
      ),
    ),
  }
}

/** A job of the same name comes first, as it does for a person who reads from the top. */
const isGroup = (cx: Compiling, { job }: Member): boolean => cx.groups.has(job) && !cx.jobs.has(job)

const entryNameOf = (group: string): string => `${group}/group-start`
const exitOf = (group: string): string => `${group}/group-end`
const unlockOf = (group: string): string => `${group}/group-unlock`

const expandGroup = (cx: Compiling, invocation: Member, needs: readonly Need[]): Graph | null => {
  const { name, at, options } = invocation
  const label = `job group "${invocation.job.slice(0, 80)}"`
  checkOptions(cx, invocation, label)
  const definition = cx.groups.get(invocation.job)
  const map = definition && readMap(cx.problems, definition.value, label)
  const list = map && jobsOf(cx, map, label)
  if (definition) cx.problems.constructs?.honour(definition, label)
  if (!definition || !list) return null
  const inner = readMembers(cx, list.items, definition.key)
  const innerNeeds = resolveRequires(cx, invocation.job, inner)
  const lock = options && readLock(cx, options, 'serial-group')
  const gate = (gateName: string, kind: 'noop' | 'lock' | 'unlock' = 'noop'): Member => ({
    ...{ job: invocation.job, wanted: gateName, name: gateName, at, options: null, matrix: null },
    group: { options, gate: { kind, ...(lock === null || kind === 'noop' ? {} : { lock }) } },
  })
  const inside = (job: string): string => `${name}/${job}`
  const required = new Set([...innerNeeds.values()].flatMap((list) => list.map((need) => need.job)))
  const leaves = inner.filter((member) => !required.has(member.name))
  const entry = entryNameOf(name)
  return {
    members: [
      gate(entry, lock === null ? 'noop' : 'lock'),
      ...inner.map((member) => ({
        ...member,
        name: inside(member.name),
        group: { options, gate: null },
      })),
      gate(exitOf(name)),
      ...(lock === null ? [] : [gate(unlockOf(name), 'unlock')]),
    ],
    needs: new Map([
      [entry, needs],
      ...inner.map((member): [string, readonly Need[]] => {
        const own = innerNeeds.get(member.name) ?? []
        const isRoot = own.length === 0
        return [
          inside(member.name),
          isRoot ? [{ job: entry, on: passed, at }] : own.map((need) => ({ ...need, job: inside(need.job) })),
        ]
      }),
      [exitOf(name), leaves.map((leaf) => ({ job: inside(leaf.name), on: passed, at }))],
      // However they ended, others may begin.
      [unlockOf(name), leaves.map((leaf) => ({ job: inside(leaf.name), on: outcomes, at }))],
    ]),
  }
}

const jobsOf = (cx: Compiling, map: MapNode, label: string) => {
  const node = entryOf(map, 'jobs')
  if (node) return readList(cx.problems, node, `"jobs" of ${label}`)
  cx.problems.add('E_KEY_MISSING', map, `${label} needs "jobs"`)
  return null
}

const checkOptions = (cx: Compiling, { options, matrix, at }: Member, label: string): void => {
  if (matrix) cx.problems.add('E_MATRIX', at, `${label} cannot have a matrix`)
  for (const { key } of matrix === null ? (options?.entries.values() ?? []) : [])
    if (!groupOptionKeys.has(key.text))
      cx.problems.add('E_ARGUMENT_UNEXPECTED', key, `${label} takes no "${key.text.slice(0, 80)}"`)
}
