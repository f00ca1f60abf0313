// Why an event starts what it starts: of each workflow and job whether it runs, and which rule left it out. Kept only
// when somebody asks; the compiler speaks while it decides, and nothing is concluded from the plan afterwards.

import type { Position } from '../../base/problem.ts'
import { positionOf, type Spot } from '../source/file.ts'

export type Why = {
  readonly rule: 'when' | 'unless' | 'triggers' | 'filters' | 'requires' | 'jobs'
  /** With the values of this event. */
  readonly text: string
  readonly at: Position
}

export type JobSelection = {
  readonly name: string
  readonly at: Position
  /** null: it runs. */
  readonly leftOut: Why | null
  /** Requirements that are left out themselves, so that it does not wait for them. */
  readonly ignored: readonly string[]
}

export type WorkflowSelection = {
  readonly name: string
  readonly at: Position
  readonly leftOut: Why | null
  readonly jobs: readonly JobSelection[]
}

export type Selection = readonly WorkflowSelection[]

/** A reason before its place is looked up. */
export type Reason = Omit<Why, 'at'> & { readonly at: Spot }

export interface SelectionLog {
  workflow(name: string, at: Spot): WorkflowLog
  list(): Selection
}

export interface WorkflowLog {
  /** The first reason counts. */
  leaveOut(reason: Reason): void
  job(job: {
    readonly name: string
    readonly at: Spot
    readonly leftOut: Reason | null
    readonly ignored: readonly string[]
  }): void
}

export const createSelectionLog = (): SelectionLog => {
  const workflows: { name: string; at: Position; leftOut: Why | null; jobs: JobSelection[] }[] = []
  return {
    workflow: (name, at) => {
      const workflow = { name, at: positionOf(at), leftOut: null as Why | null, jobs: [] as JobSelection[] }
      workflows.push(workflow)
      return {
        leaveOut: (reason) => {
          workflow.leftOut ??= toWhy(reason)
        },
        job: ({ name: job, at: place, leftOut, ignored }) => {
          workflow.jobs.push({
            name: job,
            at: positionOf(place),
            leftOut: leftOut && toWhy(leftOut),
            ignored,
          })
        },
      }
    },
    list: () => workflows,
  }
}

const toWhy = (reason: Reason): Why => ({ ...reason, at: positionOf(reason.at) })
