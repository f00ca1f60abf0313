// The installation: runners and what works.
import { count } from './words.ts'

export const systemText = {
  runners: {
    title: 'Runners',
    why: 'A runner is a machine that makes sandboxes. Each job lives in one, once.',
    emptyTitle: 'No runner is enrolled',
    emptyText: 'Jobs wait until there is one. On the machine of this server it is started by:',
    emptyCommand: 'mayfly up',
    status: { online: 'online', offline: 'offline', suspended: 'suspended' },
    running: (n: number) => count(n, 'attempt running', 'attempts running'),
    lastSeen: 'Last seen',
    never: 'never',
    isolation: 'Isolation',
    slots: 'Slots',
    classes: 'Classes',
    network: 'Network rules',
    images: 'Images',
    imagesWords: { any: 'any registry', 'host-only': 'host toolchain only' } as Readonly<
      Record<string, string>
    >,
    weak: 'Weaker than it could be',
    facts: 'Not reported yet',
    version: 'Version',
  },

  system: {
    title: 'System status',
    healthy: 'Everything works',
    unhealthy: 'Something needs attention',
    version: 'Version',
    word: { ok: 'ok', weak: 'weak', down: 'down' },
    parts: 'Parts',
    processes: 'Processes',
    mend: 'To mend it',
    pid: 'Process',
    runsFor: 'Since',
    restarts: 'Restarts',
    memory: 'Memory',
    away: 'away',
    strangers: 'Only what is down is told here. Sign in to see every part.',
    onlyDown:
      'Who you are cannot be looked up at the moment, so only what is down is told. Nothing is lost: it goes on by itself.',
  },
}
