// What jobs of a run hand on as files, as the API shows it: who persists to the workspace of a workflow, who attaches it, and how much
// lies there.
import * as z from 'zod'

export const jobWorkspace = z.object({
  job_id: z.string(),
  /** By its plan. */
  persists: z.boolean(),
  attaches: z.boolean(),
  /** What its newest attempt persisted, as it is stored; null: nothing, not yet, or not any more. */
  size_bytes: z.number().nullable(),
})
export type JobWorkspace = z.infer<typeof jobWorkspace>

/** Only jobs that persist or attach. */
export const runWorkspaces = z.object({ items: z.array(jobWorkspace) })
export type RunWorkspaces = z.infer<typeof runWorkspaces>
