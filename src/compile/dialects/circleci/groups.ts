// Job groups (config-dialects.md §2.11): an invocation of one becomes its jobs, between an entry that waits for what
// the group requires and an exit that stands for the whole group wherever that is required.

import { outcomes } from '../../../protocol/plan.ts'
import { limits } from '../../limits.ts'
import { entryOf, type MapNode } from '../../source/node.ts'
import { readList, readMap } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { readLock } from './lock.ts'
import { type Gate, type Member, readMembers } from './matrix.ts'
import { type Need, passed, resolveRequires } from './requires.ts'

export type Graph = {
  readonly members: readonly Member[]
  /** By the member's name. */
  readonly needs: ReadonlyMap<string, readonly Need[]>
}

export const groupOptionKeys = new Set(['name', 'requires', 'filters', 'serial-group'])

export const expandGroups = (cx: Compiling, { members, needs }: Graph): Graph => {
  const groups = new Map<string, Graph>()
  let count = members.length
  for (const member of members) {
    const group = isGroup(cx, member) ? expandGroup(cx, member, needs.get(member.name) ?? []) : null
    if (!group) continue
    groups.set(member.name, group)
    count += group.members.length - 1
    // Here and not at the end: a few invocations of a large group would be more jobs than there is memory for.
    if (count > limits.jobsMax) return tooManyJobs(cx, member)
  }
  if (groups.size === 0) return { members, needs }
  const outer = members.filter(({ name }) => !groups.has(name))
  // Whoever requires a group waits for its exit.
  const rewired = (list: readonly Need[]): readonly Need[] =>
    list.map((need) => (groups.has(need.job) ? { ...need, job: exitOf(need.job) } : need))
  const ofGroups = [...groups.values()].flatMap((group) => [...group.needs])
  const all = members.flatMap((member) => groups.get(member.name)?.members ?? [member])
  checkNames(cx, all)
  return {
    members: all,
    needs: new Map(
      [...outer.map(({ name }) => [name, needs.get(name) ?? []] as const), ...ofGroups].map(
        ([name, list]) => [name, rewired(list)],
      ),
    ),
  }
}

const tooManyJobs = (cx: Compiling, { at }: Member): Graph => {
  const message = `with the jobs of its groups the workflow has more than ${limits.jobsMax} jobs`
  cx.problems.add('E_TOO_MANY_JOBS', at, message)
  return noGraph
}

const noGraph: Graph = { members: [], needs: new Map() }

/** In characters: what a job of a group costs each time its group is invoked, before it is compiled. */
const memberCost = 100

/** Those of a list are numbered; what a group makes of its names can still be the name of something else. */
const checkNames = (cx: Compiling, members: readonly Member[]): void => {
  const taken = new Set<string>()
  for (const { name, at } of members) {
    if (taken.has(name)) {
      const message = `"${name.slice(0, 80)}" is the name of two jobs: one of them is of a job group`
      cx.problems.add('E_VALUE', at, message, 'give one of them another "name"')
    }
    taken.add(name)
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
  if (!cx.work.spend(memberCost * list.items.length, at)) return noGraph
  const inner = readMembers(cx, list.items, definition.key)
  const innerNeeds = resolveRequires(cx, invocation.job, inner)
  const lock = options && readLock(cx, options, 'serial-group')
  const gate = (gateName: string, is: Gate['is'], kind: Gate['kind'] = 'noop'): Member => ({
    ...{ job: invocation.job, wanted: gateName, name: gateName, at, options: null, matrix: null },
    group: { options, gate: { is, kind, ...(lock === null || kind === 'noop' ? {} : { lock }) } },
  })
  const inside = (job: string): string => `${name}/${job}`
  const entry = entryNameOf(name)
  const all = inner.length === 0 ? [entry] : inner.map((member) => inside(member.name))
  return {
    members: [
      gate(entry, 'entry', lock === null ? 'noop' : 'lock'),
      ...inner.map((member) => ({
        ...member,
        name: inside(member.name),
        group: { options, gate: null },
      })),
      gate(exitOf(name), 'exit'),
      ...(lock === null ? [] : [gate(unlockOf(name), 'unlock', 'unlock')]),
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
      [exitOf(name), all.map((job) => ({ job, on: passed, at }))],
      // However they ended, others may begin; a job that is skipped for one of its needs says nothing of the others.
      [unlockOf(name), all.map((job) => ({ job, on: outcomes, at }))],
    ]),
  }
}

/**
 * What filters leave of groups: an exit waits for those jobs of its group that no other one which is left waits for, and of a
 * group without jobs there is no entry, which would ask for its lock for nothing.
 */
export const dropGates = (
  { members, needs }: Graph,
  kept: ReadonlySet<string>,
): { readonly kept: ReadonlySet<string>; readonly needs: Graph['needs'] } => {
  const left = members.filter(({ name }) => kept.has(name))
  const needsOf = (list: readonly Member[]) =>
    new Set(list.flatMap(({ name }) => (needs.get(name) ?? []).map(({ job }) => job)))
  const required = needsOf(left)
  const inner = needsOf(left.filter(({ group }) => group?.gate === null))
  const isIdle = ({ name, group }: Member) => group?.gate?.is === 'entry' && !required.has(name)
  const exits = left.filter(({ group }) => group?.gate?.is === 'exit')
  return {
    kept: new Set(left.flatMap((member) => (isIdle(member) ? [] : [member.name]))),
    needs: new Map([
      ...needs,
      ...exits.map(({ name }): [string, readonly Need[]] => [
        name,
        (needs.get(name) ?? []).filter(({ job }) => !inner.has(job)),
      ]),
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
