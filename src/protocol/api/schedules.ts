// Schedules of a project in the HTTP API.
import * as z from 'zod'
import { pipelineParameters, status } from './shapes.ts'

const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/)
const cron = z.string().min(9).max(200)
const zone = z.string().min(1).max(64)
const ref = z.string().min(1).max(255).nullable()

export const schedule = z.object({
  id: z.string(),
  name: z.string(),
  cron: z.string(),
  /** The time zone that `cron` is read in. */
  zone: z.string(),
  /** null: the default branch. */
  ref: z.string().nullable(),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  paused: z.boolean(),
  /** The workflow of the configuration that it begins, where it stands; null: it is one of the project. */
  workflow: z.string().nullable(),
  /** The next five times; none while it is paused. */
  next: z.array(z.string()),
  /** `missed`: how many further times had passed by then, while no server looked; one run stands for all. */
  last: z
    .object({
      at: z.string(),
      run: z.object({ id: z.string(), number: z.number(), status }).nullable(),
      missed: z.number(),
    })
    .nullable(),
})
export type Schedule = z.infer<typeof schedule>

/** What people set of it: it changes when somebody changes it, not each time it is due. */
export const scheduleSettings = schedule.omit({ next: true, last: true })

export const scheduleInput = z.strictObject({
  name,
  cron,
  zone: zone.default('UTC'),
  ref: ref.optional(),
  parameters: pipelineParameters.optional(),
})
export type ScheduleInput = z.infer<typeof scheduleInput>

/** What is left out stays. */
export const scheduleChange = z
  .strictObject({
    name: name.optional(),
    cron: cron.optional(),
    zone: zone.optional(),
    ref: ref.optional(),
    parameters: pipelineParameters.optional(),
    paused: z.boolean().optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'nothing to change')
export type ScheduleChange = z.infer<typeof scheduleChange>
