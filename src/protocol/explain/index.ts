// One explanation for every code of the catalogue; a missing one does not compile.

import type { ProblemCode } from '../problem-codes.ts'
import type { Explanation } from './explanation.ts'
import { ofFiles } from './of-files.ts'
import { ofJobs } from './of-jobs.ts'
import { ofShapes } from './of-shapes.ts'
import { ofValues } from './of-values.ts'

export type { Explanation }

/** A function, so that bundles which do not call it hold none of the texts. */
export const problemExplanations = (): Readonly<Record<ProblemCode, Explanation>> => ({
  ...ofFiles,
  ...ofShapes,
  ...ofJobs,
  ...ofValues,
})
