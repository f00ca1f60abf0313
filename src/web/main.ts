// The browser program: makes what pages share and draws the first one.
import { mount } from 'svelte'
import App from './app.svelte'
import { createApp } from './state/app.svelte.ts'
import './style/base.css'

const target = document.getElementById('app')
if (target === null) throw new Error('the shell has no #app')
mount(App, { target, props: { app: createApp(window) } })
