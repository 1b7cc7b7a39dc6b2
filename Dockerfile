# The console's scripts, from the locked npm packages.
FROM node:22-slim AS scripts
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY bot/web/assets/src bot/web/assets/src
RUN npm run build

# Build: the locked dependencies and the bot, into a virtual environment that the second stage takes over whole.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/bot
COPY requirements-image.lock .
RUN /opt/bot/bin/pip install --no-cache-dir --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY bot bot
COPY --from=scripts /src/bot/web/assets/built bot/web/assets/built
COPY migrations migrations
COPY rules rules
COPY docs/cookbook.md docs/cookbook.md
RUN /opt/bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /srv/bot --create-home bot \
    && install -d -o bot -g bot /srv/bot/data
COPY --from=build /opt/bot /opt/bot
# The starter rules, until a volume with your own is laid over them.
COPY --chown=bot:bot rules /srv/bot/rules
ENV PATH=/opt/bot/bin:$PATH PYTHONUNBUFFERED=1 BOT_HOST=0.0.0.0 BOT_PORT=8000 BOT_LOG_FORMAT=json
WORKDIR /srv/bot
# By number, so that Kubernetes can see that it is not root.
USER 10001
VOLUME /srv/bot/data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"BOT_PORT\"]}/health/live', timeout=4)"]
# No shell in between: the bot itself gets SIGTERM, answers what it holds and stops.
ENTRYPOINT ["bot"]
CMD ["serve"]
