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
  const show = (theme: 'light' | 'dark') => {
    shown = theme
    window.document.documentElement.dataset.theme = theme
  }
  const apply = () => show(choice === 'system' ? (systemIsDark.matches ? 'dark' : 'light') : choice)
  apply()
  systemIsDark.addEventListener('change', apply)
  // Paper is light.
  window.addEventListener('beforeprint', () => show('light'))
  window.addEventListener('afterprint', apply)
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
