# `petmood serve` in a container: the core and its web extra, run by a user without rights.
#
#     docker build -t petmood --build-arg VERSION=0.2.0 .
#     docker run -p 8000:8000 -e PETMOOD_TOKEN=... petmood
#     docker run -p 8000:8000 -e PETMOOD_TOKEN=... -v "$PWD/model:/data/model:ro" petmood serve model --host 0.0.0.0
FROM python:3.11-slim AS build
ARG VERSION=0.1.0.dev0
ENV SETUPTOOLS_SCM_PRETEND_VERSION_FOR_PETMOOD=$VERSION
ENV PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY requirements/constraints.txt requirements/
COPY src src
RUN python -m venv /venv
RUN /venv/bin/python -m pip install -c requirements/constraints.txt '.[web]'

FROM python:3.11-slim
COPY --from=build /venv /venv
RUN mkdir -p -m 1777 /data /var/cache/petmood
ENV PATH=/venv/bin:$PATH
ENV PETMOOD_CACHE=/var/cache/petmood
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz')"]
ENTRYPOINT ["petmood"]
CMD ["serve", "pets", "--host", "0.0.0.0", "--port", "8000", "--no-open"]
