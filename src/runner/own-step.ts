// What a program of ours in a sandbox has in common with every other: it works where it is told, alone.
import type { StepSpec } from '../sandbox/index.ts'

/** No terminal, no socket, no files to take along, no network beyond its sandbox's. */
export const ownStep = {
  workdir: '/',
  take: [],
  socket: null,
  egress: null,
  tty: null,
} as const satisfies Partial<StepSpec>
