// Well-known failures in words: what happened, and what to do next.
import type { KnownError } from '../../explain/known-errors.ts'

type Words = { readonly title: string; readonly next: string }

export const explainText = {
  explain: {
    title: 'What this looks like',
    line: (n: string) => `Line ${n}`,
    byRules: 'A guess by rules of this page; the log was sent to nobody.',
    known: {
      timedOut: {
        title: 'The step took longer than its time limit.',
        next: 'See what it did last: a gap mark in the log shows where nothing was printed. Raise its limit only if it works until the end.',
      },
      noSpace: {
        title: 'The disk of the sandbox is full.',
        next: 'Remove what is not needed before the step that fails, or ask for a larger class: workspace and temporary files share its disk.',
      },
      heap: {
        title: 'The program reached the limit of its own heap.',
        next: 'Raise it below the memory of the class: NODE_OPTIONS=--max-old-space-size=… for Node, -Xmx… for Java. The resources beside the log say how much the job used.',
      },
      memory: {
        title: 'There was no memory left.',
        next: 'Run fewer things at once, or ask for a larger class. The resources beside the log show the peak and the limit.',
      },
      killed: {
        title: 'Exit code 137: a process was killed.',
        next: 'Mostly the memory of the class was used up: the resources beside the log say whether. Otherwise look for a kill in the script.',
      },
      dns: {
        title: 'A name could not be resolved.',
        next: 'Check its spelling, and what the job may reach: the receipt says it under Network. A host that is not on the list of the job has no address for it.',
      },
      refused: {
        title: 'Nobody answered at that address.',
        next: 'If it is a service of the job, wait until it listens before you use it. If it is outside, see under Network on the receipt whether the job may reach it.',
      },
      unreachable: {
        title: 'The address could not be reached.',
        next: 'Private networks and this machine are closed to jobs; see under Network on the receipt what is open. If it is, the other side may be down: rerun the job.',
      },
      certificate: {
        title: 'The certificate of the other side is not trusted.',
        next: 'Give the job the certificate authority that signed it, for example as a file secret; do not switch the check off.',
      },
      rateLimit: {
        title: 'The other side answers that it was asked too often.',
        next: 'Sign in to it with a secret, keep what is fetched in a cache, or rerun the job later.',
      },
      npmLock: {
        title: 'package.json and its lock file say different things.',
        next: 'Run npm install on your machine and commit package-lock.json.',
      },
      npmScript: {
        title: 'package.json has no script of that name.',
        next: 'npm run lists those it has. See that the step runs in the directory of the right package.json.',
      },
      npmPeers: {
        title: 'Packages ask for versions that do not fit together.',
        next: 'The lines below name the two: npm explain NAME shows who wants which. Change one, and commit the lock file.',
      },
      npmMissing: {
        title: 'The registry does not have this package, or not for you.',
        next: 'Check name and version. A private package needs a token: give it as a secret, and name the registry in .npmrc.',
      },
      pipVersion: {
        title: 'No index has this package for this Python.',
        next: 'Check name and version, and that the Python of the image is one that it supports. A private index has to be named.',
      },
      cargoLock: {
        title: 'Cargo.lock is not up to date.',
        next: 'Run cargo update --workspace or cargo build on your machine and commit Cargo.lock.',
      },
      gitKey: {
        title: 'The other side took none of the keys of the job, or is not known to it.',
        next: 'Give the job a key for it as an SSH secret, and its host key.',
      },
      gitSignIn: {
        title: 'Git was asked for a name and a password.',
        next: 'Nobody can type them here: use a deploy key over SSH, or a token given as a secret.',
      },
      gitRef: {
        title: 'The branch, tag or commit is not there.',
        next: 'It may have been removed or renamed since. A shallow checkout holds one commit only: fetch what the step needs.',
      },
      gitOwner: {
        title: 'The directory belongs to another user than the step.',
        next: 'Check out within the job, or name the directory: git config --global --add safe.directory …',
      },
      noDocker: {
        title: 'There is no Docker in the sandbox.',
        next: 'A job is given no daemon, since who has it has the machine. Build images with a tool that needs none, such as buildah or kaniko.',
      },
      carriageReturns: {
        title: 'The script has line ends of Windows.',
        next: 'Save it with LF, and keep it so: *.sh text eol=lf in .gitattributes.',
      },
      nodeModule: {
        title: 'Node does not find a module.',
        next: 'See that its package is a dependency and was installed in this job, and that path and case of a file of yours are right.',
      },
      pythonModule: {
        title: 'Python does not find a module.',
        next: 'See that it is in the requirements and was installed into the Python that runs.',
      },
      noCommand: {
        title: 'The command is not there.',
        next: 'Install it in a step before, or use an image that has it. Where jobs run on the toolchain of the host, only what is installed there is found: the receipt says so.',
      },
      notExecutable: {
        title: 'Exit code 126: the file is there and cannot be executed.',
        next: 'Make it executable and commit that: git update-index --chmod=+x FILE. Otherwise it is for another processor or names an interpreter that is not there.',
      },
      portTaken: {
        title: 'Something listens on that port already.',
        next: 'End what an earlier step left running, or take port 0 and use the one that is given.',
      },
      readOnly: {
        title: 'That place cannot be written to.',
        next: 'Write to the workspace, to $HOME or to /tmp: the rest of the image is read-only.',
      },
      unset: {
        title: 'A variable that the script asks for is not set.',
        next: 'Set it in the configuration, or add it to the secrets or the context of the job. The receipt names the secrets that were there.',
      },
      noFile: {
        title: 'A file or directory is not there.',
        next: 'Check the directory the step runs in, the case of the name, and that the step or job that makes it ran before and kept it.',
      },
      denied: {
        title: 'That is not permitted here.',
        next: 'For a script: git update-index --chmod=+x FILE. Otherwise the step asks for rights that no sandbox gives.',
      },
      crashed: {
        title: 'A program crashed.',
        next: 'The exit code is a signal and 128: 134 an abort, 139 a segmentation fault. Run it locally with the command under “Run it on your machine”.',
      },
      ended: {
        title: 'Exit code 143: a process was asked to end.',
        next: 'A time limit or a cancelled job does that, or a kill in the script.',
      },
    } satisfies Readonly<Record<KnownError, Words>>,
  },
}
