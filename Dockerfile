# Klatch in a container: `docker build -t klatch .`, then `docker run -v DATA:/data klatch --help`.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/node-runtime ./scripts/node-runtime
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/testnet/model ./testnet/model
RUN mkdir /data /network && chown node:node /data /network
USER node
WORKDIR /data
ENTRYPOINT ["node", "/app/dist/src/node/cli.js"]
CMD ["--help"]
