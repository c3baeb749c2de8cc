# The image of Jalon's own processes; Kafka, ClickHouse, PostgreSQL and Grafana come from theirs (docker-compose.yml).
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/jalon
COPY requirements/run.txt requirements/run.txt
RUN /opt/jalon/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
RUN /opt/jalon/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/jalon jalon \
    && install --directory --owner=jalon --group=jalon --mode=0700 /var/lib/jalon
COPY --from=build /opt/jalon /opt/jalon
ENV PATH=/opt/jalon/bin:$PATH PYTHONUNBUFFERED=1
USER jalon
WORKDIR /home/jalon
VOLUME /var/lib/jalon
EXPOSE 8080 8081 8082
ENTRYPOINT ["jalon"]
CMD ["--help"]
