import { useState } from "preact/hooks";
import { keepToken } from "../client.ts";

/** Asks for the token of a node that other machines can reach. */
export function TokenForm() {
  const [token, setToken] = useState("");
  return (
    <main class="empty">
      <h1>Klatch</h1>
      <p>
        This node asks for its token: the line in <code>status-token</code> in its data folder.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          keepToken(token.trim());
          location.reload();
        }}
      >
        <label>
          Token
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <button type="submit">Show the node</button>
      </form>
    </main>
  );
}
