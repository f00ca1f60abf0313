// What every function of this dialect gets: where problems and origins go, the configuration's definitions, the event.

import type { PlanSchedule, PlanSetupStep, RunEvent } from '../../../protocol/plan.ts'
import type { Patterns } from '../../pattern/pattern.ts'
import type { OriginMarks } from '../../plan/origins.ts'
import type { SelectionLog } from '../../plan/selection.ts'
import type { WorkMeter } from '../../plan/work.ts'
import type { Problems } from '../../problems.ts'
import type { Spot } from '../../source/file.ts'
import { type Entry, entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readMap } from '../../source/read.ts'
import type { Templates } from './template.ts'

export type Definitions = ReadonlyMap<string, Entry>

/** What a step of a setup configuration asks for, and where. */
export type SetupStep = { readonly at: SourceNode; readonly step: PlanSetupStep }

export type Caller = {
  /** The commands that were being expanded: those that the steps may not call. */
  readonly chain: readonly Entry[]
  readonly parameters: ReadonlyMap<string, SourceNode>
}

export type Compiling = {
  readonly problems: Problems
  readonly origins: OriginMarks
  readonly work: WorkMeter
  readonly patterns: Patterns
  readonly templates: Templates
  /** null: nobody asks why. */
  readonly selection: SelectionLog | null
  readonly event: RunEvent
  readonly root: MapNode
  /** Version 2.1: `<< >>`, parameters, commands, executors, matrices and conditions exist. */
  readonly interpolates: boolean
  readonly jobs: Definitions
  readonly commands: Definitions
  readonly executors: Definitions
  /** Job groups. */
  readonly groups: Definitions
  readonly orbs: OrbTable
  /** The configuration says `setup: true`. */
  readonly isSetup: boolean
  /** A setup configuration goes on with it. */
  readonly isContinuation: boolean
  /** What its steps ask for. */
  readonly setup: SetupStep[]
  /** Those found that are for this branch. */
  readonly schedules: PlanSchedule[]
  /**
   * Steps and executors that are passed as arguments, and the body they were written in: names in them mean what they
   * mean there, however deep they are handed down.
   */
  readonly homes: WeakMap<SourceNode, Compiling>
  /** Of such steps of a command, what was around the place where they were written. */
  readonly callers: WeakMap<SourceNode, Caller>
  /** `pipeline.NAME` → its value; parameters are there as `pipeline.parameters.NAME`. */
  readonly pipeline: ReadonlyMap<string, SourceNode>
  /** Which of those that differ from run to run were looked at: without one, the plan is the one of every run of its event. */
  readonly shown: Set<string>
}

/** What it takes to read a declaration, before anything is compiled. */
export type Reading = Pick<Compiling, 'problems' | 'interpolates'>

/** What `orb/element` may name (orbs.ts). */
export type ElementKind = 'command' | 'job' | 'executor'

/** A definition, and what the names inside it mean. */
export type Element = { readonly cx: Compiling; readonly entry: Entry }

export interface OrbTable {
  /** What `orb/element` names; null when `name` has no such form. What is not there is reported, now or at the end. */
  find(kind: ElementKind, name: string, at: Spot): Element | 'reported' | null
  /** The job that takes the place of another; null: its orb has no such job. An orb that is not here is reported at the end. */
  replacement(name: string, at: Spot): Element | 'reported' | 'undeclared' | null
  /** Something was asked for that is not here, anywhere in this compile. It is reported at the end. */
  isIncomplete(): boolean
}

export const noOrbs: OrbTable = {
  find: () => null,
  replacement: () => 'undeclared',
  isIncomplete: () => false,
}

export const readDefinitions = (problems: Problems, root: MapNode, key: string): Definitions => {
  const node = entryOf(root, key)
  return (node && readMap(problems, node, `"${key}"`)?.entries) ?? new Map()
}
