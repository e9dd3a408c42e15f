# The server: docker build -t fullconv . && docker run --read-only --tmpfs /tmp -e FULLCONV_TOKEN=secret -p 8000:8000 fullconv
FROM python:3.13-slim
COPY . /source
RUN pip install --no-cache-dir '/source[serve]' && rm -rf /source && useradd --system --no-create-home fullconv
USER fullconv
ENV FULLCONV_CACHE=/tmp/fullconv PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["fullconv", "serve", "--host", "0.0.0.0"]
