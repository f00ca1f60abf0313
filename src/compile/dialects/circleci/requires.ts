// `requires`: which jobs a job waits for and which of their outcomes it accepts; unknown names, ambiguous names and
// circles; and what becomes of requirements that filters removed (config-dialects.md §2.10, §2.11).

import { type Outcome, outcomes, redOutcomes } from '../../../protocol/plan.ts'
import type { Spot } from '../../source/file.ts'
import { entryOf, isNull, type SourceNode } from '../../source/node.ts'
import { listOrOne, readName, readText, wrongType } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import type { Compiling } from './compiling.ts'
import type { Member } from './matrix.ts'

export type Need = { readonly job: string; readonly on: readonly Outcome[]; readonly at: Spot }

/** What a plain name in "requires" accepts. */
export const passed: readonly Outcome[] = ['passed', 'unstable']

/** The platform's words for how a job ended, as ours (foundation.md §5). */
const statuses: Readonly<Record<string, readonly Outcome[]>> = {
  success: passed,
  failed: redOutcomes,
  canceled: ['cancelled'],
  unauthorized: ['skipped:policy'],
  not_run: ['skipped:needs', 'skipped:rule'],
  terminal: outcomes,
}

export const statusNames: readonly string[] = Object.keys(statuses)

/** The needs of every member, by its name. */
export const resolveRequires = (
  cx: Compiling,
  workflow: string,
  members: readonly Member[],
): ReadonlyMap<string, readonly Need[]> => {
  const names = indexNames(members)
  const needs = new Map<string, readonly Need[]>()
  for (const member of members) {
    const node = member.options && entryOf(member.options, 'requires')
    const found = new Map<string, Need>()
    for (const requirement of node ? readRequirements(cx, node) : [])
      for (const job of findTargets(cx, workflow, names, member, requirement)) {
        if (!cx.work.spend(targetCost, requirement.at)) break
        const accepted = new Set([...(found.get(job)?.on ?? []), ...requirement.on])
        found.set(job, { job, on: outcomes.filter((outcome) => accepted.has(outcome)), at: requirement.at })
      }
    needs.set(member.name, [...found.values()])
  }
  reportCycle(cx, members, needs)
  return needs
}

/** In characters: a matrix can require another one any number of times, and each time all of its jobs. */
const targetCost = 32

type Requirement = { readonly name: string; readonly on: readonly Outcome[]; readonly at: SourceNode }

/** `name`, `{name: status}`, `{name: [status, …]}`, or a list of these. */
const readRequirements = (cx: Compiling, node: SourceNode): readonly Requirement[] =>
  listOrOne(node).flatMap((item): Requirement[] => {
    if (item.kind === 'map')
      return [...item.entries.values()].map(({ key, value }) => ({
        name: key.text,
        on: isNull(value) ? passed : readStatuses(cx, value),
        at: key,
      }))
    if (item.kind === 'list') {
      wrongType(cx.problems, item, 'an entry of "requires"', 'a name, or a map of a name and statuses')
      return []
    }
    const name = isNull(item) ? null : readName(cx.problems, item, 'an entry of "requires"')
    return name === null ? [] : [{ name, on: passed, at: item }]
  })

const readStatuses = (cx: Compiling, node: SourceNode): readonly Outcome[] =>
  listOrOne(node).flatMap((item) => {
    const word = readText(cx.problems, item, 'a status')
    if (word === null) return []
    const status = Object.hasOwn(statuses, word) ? statuses[word] : undefined
    if (status) return status
    const help = () =>
      didYouMean(word, Object.keys(statuses)) ?? `use one of ${Object.keys(statuses).join(', ')}`
    cx.problems.add('E_REQUIRES_STATUS', item, `"${word.slice(0, 80)}" is no status of a job`, help)
    return []
  })

type Names = {
  readonly byName: ReadonlyMap<string, Member>
  /** Members whose names were numbered, by the name that they share. */
  readonly repeated: ReadonlyMap<string, readonly Member[]>
  readonly byAlias: ReadonlyMap<string, readonly Member[]>
}

const indexNames = (members: readonly Member[]): Names => ({
  byName: new Map(members.map((member) => [member.name, member])),
  repeated: groupBy(
    members.filter((member) => member.name !== member.wanted),
    (member) => member.wanted,
  ),
  byAlias: groupBy(
    members.filter((member) => member.matrix !== null),
    (member) => member.matrix?.alias ?? '',
  ),
})

const groupBy = (members: readonly Member[], key: (member: Member) => string): Map<string, Member[]> => {
  const groups = new Map<string, Member[]>()
  for (const member of members) {
    const group = groups.get(key(member))
    if (group) group.push(member)
    else groups.set(key(member), [member])
  }
  return groups
}

/** A name means the job of that name, else the other one that shares it, else all members of the matrix. */
const findTargets = (
  cx: Compiling,
  workflow: string,
  names: Names,
  member: Member,
  requirement: Requirement,
): readonly string[] => {
  const { name, at } = requirement
  if (names.byName.has(name)) return [name]
  const repeated = (names.repeated.get(name) ?? []).filter((other) => other !== member)
  if (repeated.length > 1) {
    const message = `job "${member.name}" requires "${name}", which is the name of ${repeated.length} other jobs in workflow "${workflow}"`
    cx.problems.add('E_REQUIRES_AMBIGUOUS', at, message, 'give each of them a "name"')
    return []
  }
  const targets = repeated.length > 0 ? repeated : (names.byAlias.get(name) ?? [])
  if (targets.length > 0) return targets.map((target) => target.name)
  const help = () => {
    const others = [...names.byName.keys()].filter((other) => other !== member.name)
    return didYouMean(name, others, (near) => names.byName.get(near)?.at ?? null)
  }
  cx.problems.add(
    'E_REQUIRES_UNKNOWN',
    at,
    `job "${member.name}" needs "${name}", which is not in this workflow`,
    help,
  )
  return []
}

/** Depth first with a stack of our own: a chain may be as long as a workflow. */
const reportCycle = (
  cx: Compiling,
  members: readonly Member[],
  needs: ReadonlyMap<string, readonly Need[]>,
): void => {
  const done = new Set<string>()
  for (const { name: root, at } of members) {
    const path: { name: string; rest: Need[] }[] = []
    const open = new Set<string>()
    const enter = (name: string): void => {
      path.push({ name, rest: [...(needs.get(name) ?? [])] })
      open.add(name)
    }
    if (!done.has(root)) enter(root)
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const need = top.rest.pop()
      if (!need) {
        done.add(top.name)
        open.delete(top.name)
        path.pop()
      } else if (open.has(need.job)) {
        const names = path.map((step) => step.name)
        const circle = [...names.slice(names.indexOf(need.job)), need.job].join(' → ')
        cx.problems.add('E_REQUIRES_CYCLE', need.at ?? at, `jobs require each other in a circle: ${circle}`)
        return
      } else if (!done.has(need.job)) enter(need.job)
    }
  }
}

/**
 * Which of the members selected by their own filters remain: a requirement that was filtered is ignored, but a job
 * that had requirements and lost all of them goes too, and so on.
 */
export const dropUnreachable = (
  selected: ReadonlySet<string>,
  needs: ReadonlyMap<string, readonly Need[]>,
): ReadonlySet<string> => {
  const kept = new Set(selected)
  for (let size = -1; size !== kept.size; ) {
    size = kept.size
    for (const name of kept) {
      const own = needs.get(name) ?? []
      if (own.length > 0 && !own.some((need) => kept.has(need.job))) kept.delete(name)
    }
  }
  return kept
}
