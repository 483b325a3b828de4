// A React app of the smallest kind: the component under StrictMode, and a button that takes it away and brings it back.
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Convoship } from 'the-snippet';

function App() {
  const [shown, show] = useState(true);
  return (
    <main>
      <h1>A React app</h1>
      <button onClick={() => show(!shown)}>{shown ? 'Without chat' : 'With chat'}</button>
      {shown && <Convoship />}
    </main>
  );
}

createRoot(document.getElementById('app')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
