// Light, dark, or what the system says; remembered in this browser. The attribute decides, tokens.css follows.

export type ThemeChoice = 'system' | 'light' | 'dark'
const storageKey = 'mayfly-theme'
const order: readonly ThemeChoice[] = ['system', 'light', 'dark']

export const createTheme = (window: Window) => {
  const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)')
  let choice = $state<ThemeChoice>(
    order.find((c) => c === window.localStorage.getItem(storageKey)) ?? 'system',
  )
  let shown = $state<'light' | 'dark'>('light')
  const apply = () => {
    shown = choice === 'system' ? (systemIsDark.matches ? 'dark' : 'light') : choice
    window.document.documentElement.dataset.theme = shown
  }
  apply()
  systemIsDark.addEventListener('change', apply)
  return {
    get choice() {
      return choice
    },
    get shown() {
      return shown
    },
    next: () => {
      choice = order[(order.indexOf(choice) + 1) % order.length] ?? 'system'
      window.localStorage.setItem(storageKey, choice)
      apply()
    },
  }
}
export type Theme = ReturnType<typeof createTheme>
