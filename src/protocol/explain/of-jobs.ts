// 21xx up to 2119: jobs, steps and workflows.

import type { ProblemCode } from '../problem-codes.ts'
import type { Explanation } from './explanation.ts'

export const ofJobs = {
  E_JOB_UNKNOWN: {
    why: 'A workflow invokes a job that stands neither under `jobs` nor in an orb.',
    mend: 'Define the job, or correct the name. An approval needs no definition, but `type: approval`.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all: {jobs: [build, deploy]}\n',
    },
  },
  E_NO_WORKFLOW: {
    why: 'Without `workflows` there is one, with the single job named `build`. This file has neither.',
    mend: 'Add `workflows` with the jobs that should run, or name the job `build`.',
    example: {
      text: 'version: 2.1\njobs:\n  test:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n',
    },
  },
  E_JOB_KIND: {
    why: 'A job says where it runs with exactly one of `docker`, `machine`, `macos` and `windows`, on itself or on its executor. This one says none, or two.',
    mend: 'Add the one that is meant, or remove the other.',
    example: { text: 'version: 2.1\njobs:\n  build:\n    steps: [checkout]\n' },
  },
  E_STEPS_EMPTY: {
    why: 'A job has nothing to do: `steps` is missing or empty.',
    mend: 'Add steps, or write `type: no-op` for a job that only others wait for.',
    example: { text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: []\n' },
  },
  E_STEP_SHAPE: {
    why: 'A step, like an entry of a workflow, is a name, or a map with one name and what belongs to it. The usual slip: what belongs to the step is indented like its name, so that the map has several keys.',
    mend: 'Indent what belongs to the step deeper than its name.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps:\n      - run:\n        command: make\n',
    },
  },
  E_COMMAND_UNKNOWN: {
    why: 'A step names neither a built-in step nor a command of this file or of an orb.',
    mend: 'Correct the name. A line of shell is written as `run: …`.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [chekout]\n',
    },
  },
  E_COMMAND_RECURSION: {
    why: 'A command calls itself, directly or by way of others. Commands are expanded while compiling, so that would never end.',
    mend: 'Take the call out of the circle. Repetition belongs into a shell loop.',
    example: {
      text: 'version: 2.1\ncommands:\n  tidy: {steps: [{run: make clean}, tidy]}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [tidy]\n',
    },
  },
  E_REQUIRES_UNKNOWN: {
    why: 'A job waits for one that is not in the same workflow. What counts is the name in the workflow: that of `name` where it is given, and for a matrix the job, its alias or a member.',
    mend: 'Correct the name, or add the job to the workflow.',
    example: {
      text: 'version: 2.1\njobs:\n  test: &job\n    docker: [{image: debian:12}]\n    steps: [checkout]\n  deploy: *job\nworkflows:\n  all:\n    jobs: [test, {deploy: {requires: [tests]}}]\n',
    },
  },
  E_REQUIRES_AMBIGUOUS: {
    why: 'The same job stands several times in the workflow without a `name`, so its copies are numbered, and the plain name does not say which one is meant.',
    mend: 'Give each of them a `name` and require that.',
    example: {
      text: 'version: 2.1\njobs:\n  test: &job\n    docker: [{image: debian:12}]\n    steps: [checkout]\n  deploy: *job\nworkflows:\n  all:\n    jobs: [test, test, {deploy: {requires: [test]}}]\n',
    },
  },
  E_REQUIRES_CYCLE: {
    why: 'Jobs wait for each other in a circle, so none of them could ever start.',
    mend: 'Remove one requirement of the circle that the message shows.',
    example: {
      text: 'version: 2.1\njobs:\n  a: &job\n    docker: [{image: debian:12}]\n    steps: [checkout]\n  b: *job\nworkflows:\n  all:\n    jobs: [{a: {requires: [b]}}, {b: {requires: [a]}}]\n',
    },
  },
  E_REQUIRES_STATUS: {
    why: 'A requirement may say which outcomes it accepts: success, failed, canceled, unauthorized, not_run, or terminal for all. This is another word.',
    mend: 'Use one of them.',
    example: {
      text: 'version: 2.1\njobs:\n  test: &job\n    docker: [{image: debian:12}]\n    steps: [checkout]\n  report: *job\nworkflows:\n  all:\n    jobs: [test, {report: {requires: [{test: [success, failure]}]}}]\n',
    },
  },
  E_PATTERN: {
    why: 'The regular expression of a filter or condition is malformed or too long, or takes too many steps to match: look-around and references to groups are matched by trying, with a limit.',
    mend: 'Correct the expression. Where it takes too long, do without look-around: `only` for what is wanted, `ignore` for what is not.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    jobs:\n      - build: {filters: {branches: {only: /feature-(.*/}}}\n',
    },
  },
  E_EXECUTOR_UNKNOWN: {
    why: 'A job names an executor that stands neither under `executors` nor in an orb.',
    mend: 'Define it, or correct the name.',
    example: {
      text: 'version: 2.1\nexecutors:\n  linux: {docker: [{image: debian:12}]}\njobs:\n  build:\n    executor: linus\n    steps: [checkout]\n',
    },
  },
  N_EMPTY_AFTER_CONDITIONS: {
    why: 'Every step of the job stands under a condition that is false for this event. The job runs, does nothing and passes.',
    mend: 'Nothing, if that was meant. A condition on the workflow leaves the job out instead.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps:\n      - when: {condition: << pipeline.git.tag >>, steps: [checkout]}\n',
    },
  },
  W_UNTRUSTED_IN_SCRIPT: {
    why: 'A branch name, tag or title is chosen by whoever pushes. Put into a script, `$(…)` or a quote in it would run as a command with the rights of the job. The value of this event holds such characters, so the job stops before the script.',
    mend: 'Pass the value through `environment` and use the variable, in quotes: a shell does not run what a variable holds.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: echo << pipeline.git.branch >>}]\n',
      branch: 'fix-$(id)',
    },
  },
} as const satisfies Partial<Record<ProblemCode, Explanation>>
