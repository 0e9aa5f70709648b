# A machine that trains on a GPU and does nothing else: the packages of requirements-gpu.txt and the code, no data.
#
# Not tried yet: this image has never been built, and nothing has run in it. Tests hold what can be held without:
# that its files are there, that they suffice to train on a CPU, and that torch is the version of constraints.txt.
#
#   docker build --tag textrnn-gpu .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --volume "$PWD:$PWD" --workdir "$PWD" textrnn-gpu \
#       python /textrnn/pipeline/train.py news_lstm
#
# The folder of the project is mounted under its own path, which links of DVC into its cache may hold. Several GPUs also
# need `--ipc host`: NCCL exchanges data through /dev/shm, of which a container has 64 MB.
#
# The tag for CUDA 12.6 runs with drivers from 525 on. GPUs newer than Hopper need that for CUDA 13:
#   docker build --build-arg BASE=pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime --tag textrnn-gpu .
ARG BASE=pytorch/pytorch:2.13.0-cuda12.6-cudnn9-runtime
FROM ${BASE}

# The base has torch in the system's Python, where pip installs only if it is told to. torch itself stays: the pin has
# its version, and pip takes a build for any CUDA as that version.
COPY requirements-gpu.txt constraints.txt /textrnn/
RUN python -m pip install --no-cache-dir --break-system-packages \
        --requirement /textrnn/requirements-gpu.txt --constraint /textrnn/constraints.txt

# A user who is in no file of the image has no name, which torch would put into the path of its cache.
ENV TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor

# Scripts find the library beside them, so it is not installed; that would bring all its other dependencies.
COPY params.yaml dvc.yaml .dvcignore /textrnn/
COPY .dvc/plots /textrnn/.dvc/plots
COPY pipeline /textrnn/pipeline
COPY benchmarks /textrnn/benchmarks
COPY src /textrnn/src

CMD ["python", "/textrnn/pipeline/train.py", "--help"]
