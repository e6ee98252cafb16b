# The demo, and the `joint` command, on a CPU:
#
#     docker build --tag joint-speaker .
#     docker run --rm --volume "$PWD/exp:/work/exp" joint-speaker          # writes exp/demo/report.html
#     docker run --rm --volume "$PWD:/work" joint-speaker joint verify A.wav B.wav
FROM python:3.11-slim

COPY . /source
# PyTorch's builds for CPUs are a tenth of those with CUDA.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        torch==2.11.0+cpu torchaudio==2.11.0+cpu /source \
    && rm -rf /source \
    && useradd --create-home --uid 1000 joint \
    && install --directory --owner joint /work

USER joint
WORKDIR /work
CMD ["python", "-m", "recipes.speechocean762.demo"]
