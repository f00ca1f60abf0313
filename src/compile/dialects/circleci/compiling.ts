// What every function of this dialect gets: where problems and origins go, the configuration's definitions, the event.

import type { RunEvent } from '../../../protocol/plan.ts'
import type { Patterns } from '../../pattern.ts'
import type { OriginMarks } from '../../plan/origins.ts'
import type { WorkMeter } from '../../plan/work.ts'
import type { Problems } from '../../problems.ts'
import type { Entry, MapNode, SourceNode } from '../../source/node.ts'
import type { OrbTable } from './orbs.ts'
import type { Templates } from './template.ts'

export type Definitions = ReadonlyMap<string, Entry>

export type Compiling = {
  readonly problems: Problems
  readonly origins: OriginMarks
  readonly work: WorkMeter
  readonly patterns: Patterns
  readonly templates: Templates
  readonly event: RunEvent
  readonly root: MapNode
  /** Version 2.1: `<< >>`, parameters, commands, executors, matrices and conditions exist. */
  readonly interpolates: boolean
  readonly jobs: Definitions
  readonly commands: Definitions
  readonly executors: Definitions
  readonly orbs: OrbTable
  /** `pipeline.NAME` → its value; parameters are there as `pipeline.parameters.NAME`. */
  readonly pipeline: ReadonlyMap<string, SourceNode>
}
