// A Vue app of the smallest kind: the component, and a button that takes it away and brings it back.
import { createApp, h, ref } from 'vue';
import Convoship from 'the-snippet';

createApp({
  setup() {
    const shown = ref(true);
    return () =>
      h('main', [
        h('h1', 'A Vue app'),
        h('button', { onClick: () => (shown.value = !shown.value) }, shown.value ? 'Without chat' : 'With chat'),
        shown.value ? h(Convoship) : null,
      ]);
  },
}).mount('#app');
