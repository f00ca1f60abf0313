// All rows of the bench.
import type { Scenario } from './scenario.ts'
import { scenarios as pf01 } from './scenarios/pf-01.ts'
import { scenarios as pf02 } from './scenarios/pf-02.ts'
import { scenarios as pf03 } from './scenarios/pf-03.ts'
import { scenarios as pf04 } from './scenarios/pf-04.ts'
import { scenarios as pf05 } from './scenarios/pf-05.ts'
import { scenarios as pf06 } from './scenarios/pf-06.ts'
import { scenarios as pf07 } from './scenarios/pf-07.ts'
import { scenarios as pf08 } from './scenarios/pf-08.ts'
import { scenarios as pf10 } from './scenarios/pf-10.ts'
import { scenarios as pf11 } from './scenarios/pf-11.ts'
import { scenarios as pf12 } from './scenarios/pf-12.ts'
import { scenarios as pf13 } from './scenarios/pf-13.ts'
import { scenarios as pf14 } from './scenarios/pf-14.ts'
import { scenarios as pf15 } from './scenarios/pf-15.ts'
import { scenarios as pf20 } from './scenarios/pf-20.ts'
import { scenarios as pf21 } from './scenarios/pf-21.ts'
import { scenarios as pf22 } from './scenarios/pf-22.ts'
import { scenarios as pf23 } from './scenarios/pf-23.ts'
import { scenarios as pf35 } from './scenarios/pf-35.ts'
import { scenarios as pf40 } from './scenarios/pf-40.ts'
import { scenarios as pf43 } from './scenarios/pf-43.ts'
import { scenarios as pf44 } from './scenarios/pf-44.ts'
import { scenarios as pf45 } from './scenarios/pf-45.ts'
import { scenarios as pf46 } from './scenarios/pf-46.ts'
import { scenarios as pf47 } from './scenarios/pf-47.ts'
import { scenarios as pf48 } from './scenarios/pf-48.ts'

/** In the order they are measured: the machine alone, one installation, then its starts. */
export const scenarios: readonly Scenario[] = [
  ...[...pf13, ...pf14, ...pf15, ...pf20, ...pf21, ...pf22, ...pf40, ...pf08],
  ...[
    ...pf03,
    ...pf04,
    ...pf46,
    ...pf06,
    ...pf23,
    ...pf47,
    ...pf01,
    ...pf02,
    ...pf10,
    ...pf11,
    ...pf12,
    ...pf05,
  ],
  ...[...pf45, ...pf07, ...pf35, ...pf48, ...pf43, ...pf44],
]
